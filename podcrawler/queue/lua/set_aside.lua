-- Sets pending and delayed entries aside: they stay pending, but no node finds them.
-- Keys: Q entries, routes, leases, delayed, failed, aside, pending:<host>, and those of hosts.lua
-- ARGV: keys of entries
-- Returns how many were set aside.
local count = 0
for _, key in ipairs(ARGV) do
  local state, route = state_of(key), route_of(key)
  if route and (state == 'pending' or state == 'delayed') then
    redis.call('ZADD', Q .. 'aside', redis.call('ZSCORE', Q .. 'delayed', key) or 0, key)
    redis.call('ZREM', Q .. 'delayed', key)
    from_pending(key, route)
    count = count + 1
  end
end
return count
