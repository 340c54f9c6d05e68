-- leased -> pending, at the place it had: a node hands back what it will not do, which costs no try.
-- Keys: Q leases, owners, tokens, routes, pending:<host>, hosts
-- ARGV: for each lease: key, token
-- Returns how many were handed back; the others are lost already.
local released = 0
for i = 1, #ARGV, 2 do
  local key, token = ARGV[i], ARGV[i + 1]
  if owns(key, token) then
    end_lease(key)
    to_pending(key, route_of(key))
    released = released + 1
  end
end
return released
