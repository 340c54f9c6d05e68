-- any state but leased -> nil, unless finished: episodes that a page lists, and that the user does not want.
-- Keys: Q entries, routes, pending:<host>, hosts, delayed, failed, tries, expiries, deliveries, ended, open; A
--   finished:<podcast>, removed:<podcast>, left-out:<podcast>
-- ARGV: podcast, how many may be kept, then for each episode two values: name, JSON of what is told of it
-- Returns how many were pending or delayed.
local podcast, most = ARGV[1], tonumber(ARGV[2])
local left_out = A .. 'left-out:' .. podcast

local function is_known(name)
  return redis.call('HEXISTS', A .. 'finished:' .. podcast, name) == 1
    or redis.call('HEXISTS', A .. 'removed:' .. podcast, name) == 1
end

local kept, open = redis.call('HLEN', left_out), 0
for i = 3, #ARGV, 2 do
  local name, told = ARGV[i], ARGV[i + 1]
  local key = podcast .. '/' .. name
  local state = state_of(key)
  if state ~= 'leased' then
    if state then take_out(key, state) end
    if state == 'pending' or state == 'delayed' then open = open + 1 end
    if is_known(name) then
      redis.call('HDEL', left_out, name)
    elseif kept < most or redis.call('HEXISTS', left_out, name) == 1 then
      kept = kept + redis.call('HSET', left_out, name, told)
    end
  end
end
return open
