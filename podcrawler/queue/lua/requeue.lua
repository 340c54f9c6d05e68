-- failed -> pending, with its tries reset.
-- Keys: Q failed, tries, expiries, routes, pending:<host>, open, and those of hosts.lua
-- ARGV: keys of entries
-- Returns how many were queued again.
local queued = 0
for _, key in ipairs(ARGV) do
  if redis.call('HEXISTS', Q .. 'failed', key) == 1 then
    if redis.call('HEXISTS', Q .. 'entries', key) == 1 then
      local route = any_route(key)
      set_route(key, route)
      from_failed(key, route)
      queued = queued + 1
    else
      redis.call('HDEL', Q .. 'failed', key)
    end
  end
end
return queued
