//! The hash that ties each entry to all before it, so that a changed, missing or exchanged entry is
//! found when the journal is read back.
//!
//! It finds accidents and clumsy hands. Whoever can write the file can also compute the hashes
//! anew, so it proves nothing against somebody who wants to deceive.

use sha2::{Digest, Sha256};

/// Hash over an entry's text and the hash before it.
pub(crate) type Hash = [u8; 32];

/// What the first entry is tied to.
pub(crate) const START: Hash = [0; 32];

/// The hash of an entry that follows `before`.
pub(crate) fn next(before: &Hash, body: &[u8]) -> Hash {
    Sha256::new().chain_update(before).chain_update(body).finalize().into()
}
