-- any state but leased -> nil: forgets episodes, which are not queued again.
-- Keys: Q entries, routes, pending:<host>, hosts, delayed, failed, tries, expiries, deliveries, ended, open; A
--   finished:<podcast>, imported:<podcast>, removed:<podcast>, left-out:<podcast>
-- ARGV: now, then for each episode three values: key, podcast, name
-- Returns for each of them 1; 0 if it is leased; -1 if there is no such episode.
local now = clock(ARGV[1])

local function forget(key, podcast, name)
  local state = state_of(key)
  if state == 'leased' then return 0 end
  if state then take_out(key, state) end
  local was_finished = redis.call('HDEL', A .. 'finished:' .. podcast, name) == 1
  redis.call('HDEL', A .. 'imported:' .. podcast, name)
  local was_left_out = redis.call('HDEL', A .. 'left-out:' .. podcast, name) == 1
  local removed = A .. 'removed:' .. podcast
  if not state and not was_finished and not was_left_out and redis.call('HEXISTS', removed, name) == 0 then return -1 end
  redis.call('HSETNX', removed, name, now)
  return 1
end

local outcomes = {}
for i = 2, #ARGV, 3 do
  outcomes[#outcomes + 1] = forget(ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
return outcomes
