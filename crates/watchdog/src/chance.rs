//! Bytes that nobody can guess: nonces of connections and tokens, and the codes of resets.

/// From the operating system. A system without chance is no place for a kill switch: it ends the process,
/// and with it the gateway's lease.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let filled = rustls::crypto::ring::default_provider().secure_random.fill(&mut bytes);
    assert!(filled.is_ok(), "the operating system gives no random bytes");
    bytes
}
