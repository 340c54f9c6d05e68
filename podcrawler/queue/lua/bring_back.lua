-- Undoes what set_aside.lua did.
-- Keys: Q entries, routes, leases, delayed, failed, aside, pending:<host>, and those of hosts.lua
-- ARGV: now, then keys of entries
-- Returns how many came back.
local now, count = clock(ARGV[1]), 0
for i = 2, #ARGV do
  local key = ARGV[i]
  local due_at = redis.call('ZSCORE', Q .. 'aside', key)
  redis.call('ZREM', Q .. 'aside', key)
  if due_at and state_of(key) == 'pending' then
    local route = route_of(key)
    if not route then
      fail_unreadable(key)
    elseif (tonumber(due_at) or 0) > now then
      from_pending(key, route)
      redis.call('ZADD', Q .. 'delayed', due_at, key)
    else
      to_pending(key, route)
    end
    count = count + 1
  end
end
return count
