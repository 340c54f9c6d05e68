-- Renews leases: each expires a lease time from now.
-- Keys: Q leases, owners
-- ARGV: now, lease time in ms, then for each lease: key, token
-- Returns the tokens of the leases that are lost: expired, or ended.
local expiry = clock(ARGV[1]) + tonumber(ARGV[2])
local lost = {}
for i = 3, #ARGV, 2 do
  local key, token = ARGV[i], ARGV[i + 1]
  if owns(key, token) then
    redis.call('ZADD', Q .. 'leases', expiry, key)
  else
    lost[#lost + 1] = token
  end
end
return lost
