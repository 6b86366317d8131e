//! Products of two 128-bit numbers and their quotients: what a [`Decimal`](crate::Decimal) multiplies and divides
//! with.
//!
//! A product of decimals is divided by 10¹⁸ each time, and a guardrail multiplies several times for one order. No
//! machine divides 128 bits quickly, but that divisor never changes, so its reciprocal is known beforehand: two
//! multiplications take the place of a division (Möller and Granlund, "Improved division by invariant integers",
//! 2011, algorithm 4).

/// 10¹⁸, the one of a decimal: 60 bits.
const ONE: u64 = 10u64.pow(18);
/// So far that its highest bit is the highest of 64.
const SHIFT: u32 = ONE.leading_zeros();
const DIVISOR: u64 = ONE << SHIFT;
/// What is above 2⁶⁴ of (2¹²⁸ - 1) / divisor.
const RECIPROCAL: u64 = (u128::MAX / DIVISOR as u128 - (1 << 64)) as u64;

const LOW: u128 = u64::MAX as u128;

/// 128 × 128 → 256 bits, schoolbook in 64-bit halves.
pub(crate) const fn product(a: u128, b: u128) -> (u128, u128) {
    let (a1, a0, b1, b0) = (a >> 64, a & LOW, b >> 64, b & LOW);
    if a1 == 0 && b1 == 0 {
        return (0, a0 * b0);
    }
    let low = a0 * b0;
    let (cross, carry) = (a1 * b0).overflowing_add(a0 * b1);
    let (sum, carry_low) = low.overflowing_add(cross << 64);
    let high = a1 * b1 + (cross >> 64) + ((carry as u128) << 64) + carry_low as u128;
    (high, sum)
}

/// 256 bits divided by 10¹⁸, and the rest. `None` when the quotient has more than 128 bits.
pub(crate) const fn divide_by_one(high: u128, low: u128) -> Option<(u128, u128)> {
    if high >= ONE as u128 {
        return None;
    }
    // `high` is below 2⁶⁰: three limbs are all there is, and shifting them loses nothing.
    let top = ((high << SHIFT) | (low >> (128 - SHIFT))) as u64;
    let low = low << SHIFT;
    let (first, rest) = step(top, (low >> 64) as u64);
    let (second, rest) = step(rest, low as u64);
    Some((((first as u128) << 64) | second as u128, (rest >> SHIFT) as u128))
}

/// Two limbs divided by the divisor, of which the upper one is below it.
const fn step(upper: u64, lower: u64) -> (u64, u64) {
    let guess =
        (RECIPROCAL as u128 * upper as u128).wrapping_add(((upper as u128) << 64) | lower as u128);
    let mut quotient = ((guess >> 64) as u64).wrapping_add(1);
    let mut rest = lower.wrapping_sub(quotient.wrapping_mul(DIVISOR));
    // One too many, mostly; then, hardly ever, one too few.
    if rest > guess as u64 {
        quotient = quotient.wrapping_sub(1);
        rest = rest.wrapping_add(DIVISOR);
    }
    if rest >= DIVISOR {
        quotient = quotient.wrapping_add(1);
        rest = rest.wrapping_sub(DIVISOR);
    }
    (quotient, rest)
}

/// 256 bits divided by 128, and the rest: `None` when the quotient has more than 128 bits, and for a division by
/// zero. One limb of the quotient after the other, each guessed from the upper half of the divisor (Knuth, "The Art of
/// Computer Programming", volume 2, algorithm D).
pub(crate) const fn divide(high: u128, low: u128, divisor: u128) -> Option<(u128, u128)> {
    if high >= divisor {
        return None;
    }
    if high == 0 {
        let quotient = low / divisor;
        return Some((quotient, low - quotient * divisor));
    }
    let shift = divisor.leading_zeros();
    // The upper half is below the divisor, so shifting loses nothing.
    let (divisor, rest, low) = match shift {
        0 => (divisor, high, low),
        _ => (divisor << shift, (high << shift) | (low >> (128 - shift)), low << shift),
    };
    let (first, rest) = limb(rest, (low >> 64) as u64, divisor);
    let (second, rest) = limb(rest, low as u64, divisor);
    Some((((first as u128) << 64) | second as u128, rest >> shift))
}

/// Three limbs divided by two whose highest bit is set, and the rest. The upper two are below the divisor.
const fn limb(upper: u128, lower: u64, divisor: u128) -> (u64, u128) {
    let (d1, d0) = (divisor >> 64, divisor & LOW);
    let mut quotient = upper / d1;
    let mut rest = upper - quotient * d1;
    // Two too many at the most.
    while quotient > LOW || quotient * d0 > ((rest << 64) | lower as u128) {
        quotient -= 1;
        rest += d1;
        if rest > LOW {
            break;
        }
    }
    let taken = quotient.wrapping_mul(divisor);
    (quotient as u64, ((upper << 64) | lower as u128).wrapping_sub(taken))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The twin: bit by bit.
    fn slowly(high: u128, low: u128, divisor: u128) -> Option<(u128, u128)> {
        if high >= divisor {
            return None;
        }
        let (mut rest, mut quotient) = (high, 0);
        for bit in (0..128).rev() {
            let carry = rest >> 127 == 1;
            rest = (rest << 1) | ((low >> bit) & 1);
            quotient <<= 1;
            if carry || rest >= divisor {
                rest = rest.wrapping_sub(divisor);
                quotient |= 1;
            }
        }
        Some((quotient, rest))
    }

    fn agree(high: u128, low: u128) {
        assert_eq!(divide_by_one(high, low), slowly(high, low, ONE.into()), "{high} {low}");
    }

    #[test]
    fn around_every_multiple_the_quotient_is_exact() {
        let one = u128::from(ONE);
        for high in [0, 1, one / 2, one - 1, one, u128::MAX] {
            for factor in [0, 1, 2, one, u128::MAX / one] {
                for beside in [0, 1, one - 1] {
                    agree(high, (factor * one).saturating_add(beside));
                }
            }
            agree(high, u128::MAX);
        }
    }

    /// With limbs of ones and zeros among them, where guesses are worst.
    fn limbs() -> impl Strategy<Value = u128> {
        let limb = || prop_oneof![Just(0), Just(1), Just(1 << 63), Just(u64::MAX), any::<u64>()];
        (limb(), limb()).prop_map(|(high, low)| (u128::from(high) << 64) | u128::from(low))
    }

    proptest! {
        #[test]
        fn dividing_by_one_equals_dividing(high in 0..u128::from(ONE) * 2, low in any::<u128>(), cut in 0u32..128) {
            agree(high >> (cut % 61), low >> cut);
        }

        #[test]
        fn dividing_equals_dividing_bit_by_bit(
            (high, low, divisor) in (limbs(), limbs(), limbs()),
            cut in 0u32..128,
        ) {
            let (high, divisor) = (high >> (cut / 2), divisor >> cut);
            prop_assert_eq!(divide(high, low, divisor), slowly(high, low, divisor));
        }

        /// What is multiplied and divided again is what it was.
        #[test]
        fn a_product_holds_both_factors(a in any::<u128>(), b in 1..u128::MAX, cut in 0u32..128) {
            let a = a >> cut;
            let (high, low) = product(a, b);
            prop_assert_eq!(divide(high, low, b), Some((a, 0)));
        }
    }
}
