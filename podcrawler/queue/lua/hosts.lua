-- How many connections each host gets from all nodes together, and when it rests. This text and states.lua stand in front
-- of every other script here.
--
-- A lease counts as one connection of its host from its grant until its file was received, or until it ends. A host that
-- has pending entries is in `hosts`, unless it has all of its connections (then it is in `full`), or rests.
-- Keys; Q is KEYS[1], the prefix of the queue, and A is KEYS[2], the prefix of the archive:
--   Q pending:<host>  zset    see states.lua
--   Q leases          zset    see states.lua
--   Q owners          hash    see states.lua
--   Q hosts           zset    host whose entries may be leased -> ms when one of them was last leased
--   Q full            zset    host that has all of its connections -> the same
--   Q resting         zset    host -> ms until it rests
--   Q asked           hash    resting host that asked for that itself -> JSON [kind of the answer, ms]
--   Q connected       hash    leased entry -> host that it counts for
--   Q hops            hash    leased entry -> host that it counts for in addition, on its way to that one
--   Q connections     hash    host -> how many entries count for it, by `connected` and `hops` together
--   Q wanting         zset    mark of a node that has got less than it wanted, while a host had all of its connections
--                             -> ms when it last asked
--
-- What is set for single hosts comes as JSON: host -> [connections, delay in ms], 0 for what is not set. It is for the
-- subdomains, too; the nearest counts.
local Q, A = KEYS[1], KEYS[2]
local MOST_NUMBER = 2 ^ 53
-- No host rests longer, and no entry is delayed longer (ms): PODCRAWLER_MAX_RETRY_DELAY has the same limit.
local MOST_WAIT = 10000000 * 1000

-- Anybody who can write to Redis may have written what is in it. What cannot be a number counts as 0, what cannot be read
-- as if it were not there, and no such value ends a script in the middle of a move.
local function number_in(hash, field)
  local number = tonumber(redis.call('HGET', hash, field) or 0)
  return number and number >= 0 and number < MOST_NUMBER and math.floor(number) or 0
end

local function add_to(hash, field, change)
  local sum = redis.pcall('HINCRBY', hash, field, change)
  if type(sum) == 'number' and math.abs(sum) < MOST_NUMBER then return sum end
  redis.call('HSET', hash, field, change)
  return change
end

local function json(text)
  local ok, value = pcall(cjson.decode, text)
  return ok and type(value) == 'table' and value or nil
end

local UTF8 = {'[\240][\144-\191][\128-\191][\128-\191]', '[\241-\243][\128-\191][\128-\191][\128-\191]',
  '[\244][\128-\143][\128-\191][\128-\191]', '[\224][\160-\191][\128-\191]', '[\237][\128-\159][\128-\191]',
  '[\225-\236\238\239][\128-\191][\128-\191]', '[\194-\223][\128-\191]'}

local function is_text(value)
  if type(value) ~= 'string' then return false end
  if not value:find('[\128-\255]') then return true end
  for _, character in ipairs(UTF8) do
    value = value:gsub(character, '.')
  end
  return not value:find('[\128-\255]')
end

local function read_limits(most_connections, single_hosts)
  local given = single_hosts ~= '{}' and cjson.decode(single_hosts) or nil
  return {most_connections = tonumber(most_connections), given = given, found = {}}
end

-- How many connections the host may have, and the ms between the beginnings of two transfers.
local function limits_of(limits, host)
  if not limits.given then return limits.most_connections, 0 end
  local found, name = limits.found[host], host
  while not found and name do
    found, name = limits.given[name], name:match('%.(.+)$')
  end
  found = found or {0, 0}
  limits.found[host] = found
  return found[1] > 0 and found[1] or limits.most_connections, found[2]
end

-- A host whose entries cannot be leased now is offered later, by free_connection or wake.
local function offer(host, last_leased)
  if redis.call('EXISTS', Q .. 'pending:' .. host) == 1 and not redis.call('ZSCORE', Q .. 'full', host)
    and not redis.call('ZSCORE', Q .. 'resting', host) then
    redis.call('ZADD', Q .. 'hosts', 'NX', last_leased, host)
  end
end

local function recount_connections(host)
  local count = 0
  for _, hash in ipairs({'connected', 'hops'}) do
    for _, counted in ipairs(redis.call('HVALS', Q .. hash)) do
      if counted == host then count = count + 1 end
    end
  end
  redis.call('HDEL', Q .. 'connections', host)
  if count > 0 then redis.call('HSET', Q .. 'connections', host, count) end
  return count
end

local function has_all_connections(host, limits)
  local count, most = number_in(Q .. 'connections', host), limits_of(limits, host)
  if count >= most and count > redis.call('HLEN', Q .. 'connected') + redis.call('HLEN', Q .. 'hops') then
    count = recount_connections(host)
  end
  return count >= most
end

-- Moves a host that has all of its connections from `hosts` to `full`.
local function mark_full(host)
  local last_leased = redis.call('ZSCORE', Q .. 'hosts', host)
  redis.call('ZREM', Q .. 'hosts', host)
  redis.call('ZADD', Q .. 'full', last_leased or 0, host)
end

local function free_connection(hash, key)
  local host = redis.call('HGET', Q .. hash, key)
  if not host then return end
  redis.call('HDEL', Q .. hash, key)
  if add_to(Q .. 'connections', host, -1) <= 0 then redis.call('HDEL', Q .. 'connections', host) end
  local last_leased = redis.call('ZSCORE', Q .. 'full', host)
  if last_leased then
    redis.call('ZREM', Q .. 'full', host)
    offer(host, last_leased)
  end
end

-- The host that a leased entry counts for, the last one if there are two.
local function counted_for(key)
  return redis.call('HGET', Q .. 'hops', key) or redis.call('HGET', Q .. 'connected', key)
end

local function disconnect(key)
  free_connection('connected', key)
  free_connection('hops', key)
end

-- A host without a name is none: of a seed, or of an address that cannot be requested.
local function connect(hash, key, host, limits)
  if host == '' then return end
  if redis.call('HSETNX', Q .. hash, key, host) == 0 then
    free_connection(hash, key)
    redis.call('HSET', Q .. hash, key, host)
  end
  if add_to(Q .. 'connections', host, 1) >= (limits_of(limits, host)) then mark_full(host) end
end

-- Characters that the tokens of a node begin with (broker.py), and ms for which a node counts as wanting: it asks again
-- every second.
local MARK_LENGTH, WANTING = 8, 3000
-- By host: how many connections the node has that calls; and how many other nodes want some. nil until they are counted.
local connections_here, others_wanting = nil, nil

local function count_connections_here(mark)
  local counts, found = {}, redis.call('HGETALL', Q .. 'connected')
  for i = 1, #found, 2 do
    local owner = redis.call('HGET', Q .. 'owners', found[i])
    if owner and owner:sub(1, MARK_LENGTH) == mark then counts[found[i + 1]] = (counts[found[i + 1]] or 0) + 1 end
  end
  return counts
end

-- Whether a node has its share of the host's connections, while other nodes want some of them. Without shares, a node that
-- asks as soon as a transfer has ended would keep all connections: if it dies, until its leases expire.
local function has_its_share(mark, host, limits)
  others_wanting = others_wanting
    or redis.call('ZCARD', Q .. 'wanting') - (redis.call('ZSCORE', Q .. 'wanting', mark) and 1 or 0)
  if others_wanting == 0 then return false end
  connections_here = connections_here or count_connections_here(mark)
  local share = math.ceil((limits_of(limits, host)) / (others_wanting + 1))
  return (connections_here[host] or 0) >= share
end

local function note_connection_here(host)
  if connections_here then connections_here[host] = (connections_here[host] or 0) + 1 end
end

local function forget_wants(now)
  redis.call('ZREMRANGEBYSCORE', Q .. 'wanting', '-inf', now - WANTING)
end

-- Notes whether a node wants more than it got.
local function note_wants(mark, now, has_less)
  if mark == '' then return end
  if has_less and redis.call('EXISTS', Q .. 'full') == 1 then
    redis.call('ZADD', Q .. 'wanting', now, mark)
    redis.call('PEXPIRE', Q .. 'wanting', WANTING)
  else
    redis.call('ZREM', Q .. 'wanting', mark)
  end
end

local function rest(host, till)
  redis.call('ZADD', Q .. 'resting', till, host)
  redis.call('ZREM', Q .. 'hosts', host)
end

local function rest_for_delay(host, now, limits)
  local _, delay = limits_of(limits, host)
  if delay > 0 then rest(host, math.max(now + delay, tonumber(redis.call('ZSCORE', Q .. 'resting', host) or 0))) end
end

-- The rest that a host asks for. If it asks for two that differ by far, the longer one is for that file alone, whose
-- entry waits for it anyway.
local function rest_as_asked(host, now, kind, length)
  local asked = redis.call('HGET', Q .. 'asked', host)
  local before = asked and tonumber((json(asked) or {})[2]) or length
  if length > 2 * before then return end
  local till = now + length
  if before <= 2 * length then till = math.max(till, tonumber(redis.call('ZSCORE', Q .. 'resting', host) or 0)) end
  rest(host, till)
  redis.call('HSET', Q .. 'asked', host, cjson.encode({kind, length}))
end

-- The members of a sorted set whose time has come, or is so far ahead that nothing here can have set it.
local function due(zset, now, longest, most)
  local found = redis.call('ZRANGEBYSCORE', Q .. zset, '-inf', now, 'LIMIT', 0, most)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', Q .. zset, now + longest, '+inf', 'LIMIT', 0, most)) do
    found[#found + 1] = member
  end
  return found
end

local function wake(now, most)
  for _, host in ipairs(due('resting', now, MOST_WAIT, most)) do
    local till = redis.call('ZSCORE', Q .. 'resting', host)
    redis.call('ZREM', Q .. 'resting', host)
    redis.call('HDEL', Q .. 'asked', host)
    offer(host, till)
  end
end

-- Offers hosts that are in `full` although they have connections to spare: where a count was wrong.
local function offer_again(limits, most)
  for _, host in ipairs(redis.call('ZRANGE', Q .. 'full', 0, most - 1)) do
    if not has_all_connections(host, limits) then
      redis.call('ZREM', Q .. 'full', host)
      offer(host, 0)
    end
  end
end

-- A node of an earlier release ends leases without giving their connections back.
local function forget_lost_connections()
  if redis.call('HLEN', Q .. 'connected') <= redis.call('ZCARD', Q .. 'leases') then return end
  for _, key in ipairs(redis.call('HKEYS', Q .. 'connected')) do
    if not redis.call('ZSCORE', Q .. 'leases', key) then disconnect(key) end
  end
end
