-- leased -> pending, with its old score: a node releases an entry that it will not work on, which costs no try.
-- Keys: Q leases, owners, tokens, routes, pending:<host>, and those of hosts.lua; A told
-- ARGV: key, token
-- Returns 1, or 0 if the lease is lost.
local key, token = ARGV[1], ARGV[2]
if not owns(key, token) then return 0 end
end_lease(key)
back_to_pending(key)
return 1
