//! Divisibility by a number that is known beforehand, without dividing.
//!
//! A divisor is a power of two times an odd number. An odd number has an inverse among the 128-bit
//! integers; multiplying by it maps the multiples of the number, and nothing else, to the integers
//! up to 2¹²⁸ / number (Granlund and Montgomery, "Division by invariant integers using
//! multiplication", 1994, section 9). So one multiplication and one comparison tell, where a division
//! of 128 bits costs ten times as much.

use crate::decimal::Decimal;

/// A number above zero, prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Divisor {
    /// Factors of two.
    twos: u32,
    /// Inverse of the odd rest, modulo 2¹²⁸.
    inverse: u128,
    /// The largest integer that a multiple of the odd rest is mapped to.
    bound: u128,
}

impl Divisor {
    /// Prepares a number above zero; zero and below divide nothing but zero.
    pub(crate) const fn new(number: Decimal) -> Divisor {
        let count = number.count();
        if count <= 0 {
            return Divisor { twos: 0, inverse: 1, bound: 0 };
        }
        let twos = count.trailing_zeros();
        let odd = count.unsigned_abs() >> twos;
        // Newton: each round doubles the bits that are right; an odd number is its own inverse
        // modulo eight, so 3 bits become 6, 12, 24, 48, 96, 192.
        let mut inverse = odd;
        let mut round = 0;
        while round < 6 {
            inverse = inverse.wrapping_mul(2u128.wrapping_sub(odd.wrapping_mul(inverse)));
            round += 1;
        }
        Divisor { twos, inverse, bound: u128::MAX / odd }
    }

    /// Is `number` a multiple?
    pub(crate) const fn divides(&self, number: Decimal) -> bool {
        let count = number.count().unsigned_abs();
        count.trailing_zeros() >= self.twos
            && (count >> self.twos).wrapping_mul(self.inverse) <= self.bound
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(mantissa: i128) -> Decimal {
        Decimal::from_mantissa(mantissa, 18).unwrap()
    }

    #[test]
    fn zero_is_a_multiple_of_everything_and_divides_only_itself() {
        assert!(Divisor::new(decimal(7)).divides(decimal(0)));
        assert!(Divisor::new(decimal(0)).divides(decimal(0)));
        assert!(!Divisor::new(decimal(0)).divides(decimal(1)));
    }

    proptest! {
        #[test]
        fn equals_the_remainder(number in any::<i128>(), step in 1i128..) {
            let expected = number % step == 0;
            prop_assert_eq!(Divisor::new(decimal(step)).divides(decimal(number)), expected);
        }

        #[test]
        fn finds_every_multiple_and_nothing_beside(
            factor in -1_000_000_000i128..1_000_000_000,
            step in 1i128..1_000_000_000_000_000_000_000,
            beside in 0i128..3,
        ) {
            let number = factor * step + beside;
            let expected = number % step == 0;
            prop_assert_eq!(Divisor::new(decimal(step)).divides(decimal(number)), expected);
        }
    }
}
