-- Records what a check of a subscription has found, and when the next one is due, as long as the lease of its page is held.
-- Keys: Q owners; A subscriptions, checks, due
-- ARGV: key and token of the lease, address of the subscription, end of the claim, what checks have found, ms when the next
--   one is due (empty: it is parked)
-- Returns 1; 0 if the lease is lost, or the subscription has ended.
local key, token, address, claim, found, next_due = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
if not owns(key, token) or redis.call('HEXISTS', A .. 'subscriptions', address) == 0 then return 0 end
redis.call('HSET', A .. 'checks', address, found)
-- Whoever wants a check at once, or has claimed the next one, has set another time.
local current = redis.call('ZSCORE', A .. 'due', address)
if current and tonumber(current) ~= tonumber(claim) then return 1 end
if next_due == '' then
  redis.call('ZREM', A .. 'due', address)
else
  redis.call('ZADD', A .. 'due', next_due, address)
end
return 1
