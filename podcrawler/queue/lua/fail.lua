-- leased -> failed: an error that no further try can mend.
-- Keys: Q leases, owners, tokens, routes, tries, failed, open; A events
-- ARGV: now, key, token, kind, reason
-- Returns 'failed' or 'lost'.
local now, key, token, kind, reason = clock(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if not owns(key, token) then return 'lost' end
redis.call('HINCRBY', Q .. 'tries', key, 1)
to_failed(now, key, route_of(key), kind, reason, false)
return 'failed'
