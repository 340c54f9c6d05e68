-- Lets leases last longer, counted from now.
-- Keys: Q leases, owners
-- ARGV: now, ms that a lease lasts, then for each lease: key, token
-- Returns the tokens of the leases that are lost.
local ends = clock(ARGV[1]) + tonumber(ARGV[2])
local lost = {}
for i = 3, #ARGV, 2 do
  local key, token = ARGV[i], ARGV[i + 1]
  if owns(key, token) then
    redis.call('ZADD', Q .. 'leases', ends, key)
  else
    lost[#lost + 1] = token
  end
end
return lost
