-- failed -> pending, with its tries reset.
-- Keys: Q failed, tries, expiries, routes, pending:<host>, open, and those of hosts.lua
-- ARGV: keys of entries
-- Returns how many were queued again.
local queued = 0
for _, key in ipairs(ARGV) do
  if redis.call('HEXISTS', Q .. 'failed', key) == 1 then
    from_failed(key, route_of(key))
    queued = queued + 1
  end
end
return queued
