//! What Redis does for us in one piece: scripts, each carried out whole or not at all.
//!
//! Keys, in this order: the counters (a hash), the lease (a string that expires), the journal (a
//! stream whose ids are our numbers), the snapshots (a hash by number). The lease's text is the
//! holder's token and name; `removed` and `anchor` are number and hash of the last entry that was
//! removed.

/// Takes the store when nobody holds it. Arguments: token, name, lease in milliseconds, layout.
pub(super) const TAKE: &str = "
local layout = redis.call('HGET', KEYS[1], 'layout')
if layout and layout ~= ARGV[4] then return {'layout', layout} end
if not layout and redis.call('EXISTS', KEYS[3]) == 1 then return {'layout', 'of nobody'} end
local held = redis.call('GET', KEYS[2])
if held then
    local token, name = string.match(held, '^(%S+) (.*)$')
    if token ~= ARGV[1] then return {'held', name or held, redis.call('PTTL', KEYS[2])} end
end
redis.call('HSET', KEYS[1], 'layout', ARGV[4], 'holder', ARGV[2])
local epoch = redis.call('HINCRBY', KEYS[1], 'epoch', 1)
redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return {'taken', epoch}
";

/// Appends, if the store is still ours and ends where we think; without entries it only makes sure
/// that it is ours. Arguments: epoch, lease's text, lease in milliseconds, last number, last hash,
/// then text and hash of each entry.
pub(super) const APPEND: &str = "
local counters = redis.call('HMGET', KEYS[1], 'epoch', 'holder')
local held = redis.call('GET', KEYS[2])
if counters[1] ~= ARGV[1] or (held and held ~= ARGV[2]) then
    return {'outrun', counters[1] or '0', counters[2] or 'nobody'}
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
if #ARGV == 5 then return {'done'} end
local gone = redis.call('HMGET', KEYS[1], 'removed', 'anchor')
local last, hash = gone[1] or '0', gone[2]
local tail = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1]
if tail then
    last, hash = string.match(tail[1], '^%d+'), tail[2][4]
end
if last ~= ARGV[4] or (hash and hash ~= ARGV[5]) then return {'tail', last, hash or ''} end
local seq = tonumber(last)
for i = 6, #ARGV, 2 do
    seq = seq + 1
    redis.call('XADD', KEYS[3], string.format('%.0f-0', seq), 'body', ARGV[i], 'chain', ARGV[i + 1])
end
return {'done'}
";

/// Keeps a snapshot and lets go of the oldest. Arguments: number, its value, how many are kept.
pub(super) const KEEP: &str = "
redis.call('HSET', KEYS[4], ARGV[1], ARGV[2])
local seqs = redis.call('HKEYS', KEYS[4])
table.sort(seqs, function(a, b) return tonumber(a) > tonumber(b) end)
for i = tonumber(ARGV[3]) + 1, #seqs do redis.call('HDEL', KEYS[4], seqs[i]) end
return 1
";

/// Removes the oldest entries and moves the anchor of the chain along, while the store is ours.
/// Arguments: epoch, up to which number, how many at most.
pub(super) const REMOVE: &str = "
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
local removed = tonumber(redis.call('HGET', KEYS[1], 'removed') or '0')
local till = math.min(tonumber(ARGV[2]), removed + tonumber(ARGV[3]))
if till <= removed then return 0 end
local id = string.format('%.0f-0', till)
local found = redis.call('XRANGE', KEYS[3], id, id)[1]
if not found then return 0 end
redis.call('HSET', KEYS[1], 'removed', string.format('%.0f', till), 'anchor', found[2][4])
redis.call('XTRIM', KEYS[3], 'MINID', '=', string.format('%.0f-0', till + 1))
return till - removed
";

/// Gives the store back. Argument: the lease's text.
pub(super) const RELEASE: &str = "
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
return 1
";

/// Keeps the first number. Argument: the number drawn.
pub(super) const TAG: &str = "
redis.call('HSETNX', KEYS[1], 'store', ARGV[1])
return redis.call('HGET', KEYS[1], 'store')
";
