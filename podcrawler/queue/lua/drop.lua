-- failed -> nil: forgets that entries failed, and the entries.
-- Keys: Q failed, entries, routes, tries, expiries, deliveries, ended
-- ARGV: keys of entries
-- Returns how many had failed.
local dropped = 0
for _, key in ipairs(ARGV) do
  if redis.call('HDEL', Q .. 'failed', key) == 1 then
    remove(key)
    dropped = dropped + 1
  end
end
return dropped
