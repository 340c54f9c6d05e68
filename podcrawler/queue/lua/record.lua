-- any state but leased -> finished: records episodes whose files were there before podcrawler.
-- Keys: Q entries, routes, pending:<host>, hosts, delayed, failed, tries, expiries, deliveries, ended, open; A
--   finished:<group>, removed:<group>, left-out:<group>, visited
-- ARGV: for each episode four values: key, podcast, name, value to record
-- Returns how many were not finished before.
local recorded = 0
for i = 1, #ARGV, 4 do
  local key, podcast, name, value = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local state = state_of(key)
  if state ~= 'leased' then
    if state then take_out(key, state) end
    recorded = recorded + redis.call('HSETNX', A .. 'finished:' .. podcast, name, value)
    redis.call('HDEL', A .. 'removed:' .. podcast, name)
    redis.call('HDEL', A .. 'left-out:' .. podcast, name)
    -- So that a podcast is known of which there are only files.
    redis.call('HSETNX', A .. 'visited', podcast, '{}')
  end
end
return recorded
