-- Claims checks of subscriptions that are due: nobody else gets them before the claim ends, or the check has an outcome.
-- Keys: Q entries, failed; A paused, subscriptions, checks, due, check-hosts
-- ARGV: now, most open entries of the queue, ms that a claim lasts, ms between two checks of one host, how many of one host
--   may follow each other without that
-- Returns {ms until the next one is due, or -1; the claims, each as {address, subscription, what checks have found, end of
--   the claim}}.
local now, most_open, length = clock(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local gap, at_once = tonumber(ARGV[4]), tonumber(ARGV[5])
local due, turns = A .. 'due', A .. 'check-hosts'
local BATCH = 100

-- By host: how many were put off in this call.
local put_off = {}

-- Whether a check of the host may be made now; else it is put off, for as long as those before it take. The score of a
-- host is the time at which all that were made are made up for (the generic cell rate algorithm).
local function has_turn(host, address)
  local made_up = math.max(tonumber(redis.call('ZSCORE', turns, host) or '0'), now - gap * at_once)
  if made_up + gap <= now then
    redis.call('ZADD', turns, made_up + gap, host)
    return true
  end
  put_off[host] = (put_off[host] or 0) + 1
  redis.call('ZADD', due, math.ceil(made_up + gap * put_off[host]), address)
  return false
end

local function host_of(address)
  local authority = address:match('^%a[%w+.-]*://([^/?#]*)') or ''
  return authority:gsub('^.*@', ''):lower()
end

redis.call('ZREMRANGEBYSCORE', turns, '-inf', now - gap * at_once)
local claims = {}
local room = most_open - (redis.call('HLEN', Q .. 'entries') - redis.call('HLEN', Q .. 'failed'))
if redis.call('EXISTS', A .. 'paused') == 0 then
  for _, address in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, BATCH)) do
    if #claims >= room then break end
    local subscription = redis.call('HGET', A .. 'subscriptions', address)
    if not subscription then
      redis.call('ZREM', due, address)
    else
      local found = redis.call('HGET', A .. 'checks', address) or '{}'
      local feed = (json(found) or {}).feed
      local host = host_of(is_text(feed) and feed ~= '' and feed or address)
      if has_turn(host, address) then
        redis.call('ZADD', due, now + length, address)
        claims[#claims + 1] = {address, subscription, found, now + length}
      end
    end
  end
end
local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
return {first[2] and math.max(0, math.ceil(tonumber(first[2]) - now)) or -1, claims}
