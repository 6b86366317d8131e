//! Why a secret cannot be sealed, or a file not opened, and the bounds that these speak of.

/// Largest secret, bytes: one chunk.
pub const SECRET_MAX: usize = 64 * 1024;
/// More work is refused: it would take more than a gibibyte.
pub(super) const WORK_MAX: u8 = 20;

/// Why a file cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is something else.
    #[error("is no file of age; plimsoll secret encrypt makes one")]
    Foreign,
    /// It was made for keys.
    #[error("is not sealed with a passphrase; plimsoll secret encrypt or age -p does that")]
    NoPassphrase,
    /// It asks for more work than a start may take.
    #[error("takes 2^{0} rounds to open, and 2^{WORK_MAX} are the most; seal it again")]
    Work(u8),
    /// The passphrase does not open it.
    #[error("is not opened by this passphrase")]
    Passphrase,
    /// The passphrase opens it and it was changed, or cut.
    #[error("is damaged: it was changed after it was made; seal the secret again")]
    Damaged,
    /// It holds more than a secret.
    #[error("holds more than {SECRET_MAX} bytes, which is no secret of an exchange")]
    TooLarge,
}

/// A secret that is longer than [`SECRET_MAX`], or work beyond what is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret has {SECRET_MAX} bytes at the most, and its work is 1 to {WORK_MAX}")]
pub struct SealError;
