-- failed -> pending, with its tries reset.
-- Keys: Q failed, tries, expiries, routes, pending:<host>, open, and those of hosts.lua
-- ARGV: how many of their tries count as done, and keys of entries
-- Returns how many were queued again.
local queued = 0
local done = tonumber(ARGV[1])
for i = 2, #ARGV do
  local key = ARGV[i]
  if redis.call('HEXISTS', Q .. 'failed', key) == 1 then
    if redis.call('HEXISTS', Q .. 'entries', key) == 1 then
      local route = any_route(key)
      set_route(key, route)
      from_failed(key, route)
      if done > 0 then
        redis.call('HSET', Q .. 'tries', key, done)
      end
      queued = queued + 1
    else
      redis.call('HDEL', Q .. 'failed', key)
    end
  end
end
return queued
