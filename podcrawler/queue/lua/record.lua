-- any state but leased -> finished: records episodes whose files were there before podcrawler.
-- Keys: Q entries, routes, pending:<host>, hosts, delayed, failed, tries, expiries, deliveries, ended, open; A
--   finished:<group>
-- ARGV: for each episode four values: key, podcast, name, bytes
-- Returns how many were not finished before.
local recorded = 0
for i = 1, #ARGV, 4 do
  local key, podcast, name, size = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local state = state_of(key)
  if state ~= 'leased' then
    if state then
      local route = any_route(key)
      if state == 'pending' then from_pending(key, route) end
      redis.call('ZREM', Q .. 'delayed', key)
      if redis.call('HDEL', Q .. 'failed', key) == 0 then count_open(route.group, -1) end
      remove(key)
    end
    recorded = recorded + redis.call('HSETNX', A .. 'finished:' .. podcast, name, size)
  end
end
return recorded
