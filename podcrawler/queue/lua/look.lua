-- What becomes of episodes that a page lists. Changes nothing.
-- Keys: Q entries, routes, leases, delayed, failed; A finished:<podcast>, removed:<podcast>
-- ARGV: for each episode four values: podcast, name, version as for push_many.lua, '1' if it is another version of an
--   episode that may be finished
-- Returns for each of them two values: its state, "removed" if it is not wanted any more, or empty if it has none; and of
--   a failed one whose version is the same the record of that, else empty.
local found = {}

local function look(podcast, name, version, is_version)
  if not is_version and redis.call('HEXISTS', A .. 'finished:' .. podcast, name) == 1 then return 'finished', '' end
  if redis.call('HEXISTS', A .. 'removed:' .. podcast, name) == 1 then return 'removed', '' end
  local key = podcast .. '/' .. name
  local state = state_of(key)
  if state ~= 'failed' then return state or '', '' end
  local before = any_route(key).version
  if version ~= '' and before ~= nil and before ~= version then return '', '' end
  return state, redis.call('HGET', Q .. 'failed', key)
end

for i = 1, #ARGV, 4 do
  found[#found + 1], found[#found + 2] = look(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3] == '1')
end
return found
