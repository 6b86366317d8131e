//! What the key may do was read: is it as it should be?
//!
//! What refuses a start also ends a run: a key that may suddenly withdraw was changed by somebody, and one
//! that may not trade leaves orders that nobody can manage. A halt takes entry orders back and is kept.

use model::venue::KeyAudit;
use model::{Effects, HaltedBy, Record, Timestamp};

use crate::gateway::Gateway;

impl Gateway {
    /// The same as before says nothing new.
    pub(crate) fn key_audited(&mut self, now: Timestamp, audit: &KeyAudit, effects: &mut Effects) {
        if self.audited.as_ref() == Some(audit) {
            return;
        }
        self.record(now, Record::KeyAudited { audit: audit.clone() }, effects);
        for finding in &audit.warned {
            self.alert(format!("key: {}", finding.words()), effects);
        }
        for finding in &audit.accepted {
            let text = format!(
                "key: {}; accepted by accept_key_scopes = [\"{}\"]",
                finding.words(),
                finding.name()
            );
            self.alert(text, effects);
        }
        if let Some(cause) = audit.refusal() {
            self.halt_by(
                now,
                HaltedBy::Key,
                &format!("the key is not what it was: {cause}"),
                effects,
            );
        }
        self.audited = Some(audit.clone());
    }
}

#[cfg(test)]
mod tests {
    use model::venue::{KeyFinding, KeyPolicy, KeyScopes};
    use model::{Input, Side, TradingState};

    use super::*;
    use crate::testing::{World, spec};

    const GOOD: KeyScopes = KeyScopes {
        trade: Some(true),
        withdraw: Some(false),
        transfer: Some(false),
        leverage: Some(false),
        ip_bound: Some(true),
        expires: None,
    };

    fn told(world: &mut World, scopes: Option<KeyScopes>, policy: &KeyPolicy) {
        let audit = KeyAudit::of(scopes, policy, world.now);
        world.apply(&Input::Key(audit));
    }

    fn audits(world: &World) -> usize {
        world.count(|record| matches!(record, Record::KeyAudited { .. }))
    }

    #[test]
    fn a_key_that_may_withdraw_of_a_sudden_halts_and_takes_back() {
        let mut world = World::new();
        let policy = KeyPolicy::default();
        told(&mut world, Some(GOOD), &policy);
        let order = world.place(spec(Side::Buy, "1", "99.99")).unwrap();
        world.answer_all();
        told(&mut world, Some(GOOD), &policy);
        assert_eq!((world.gateway.state().0, audits(&world)), (TradingState::Active, 1));
        let open = KeyScopes { withdraw: Some(true), ..GOOD };
        told(&mut world, Some(open), &policy);
        let (state, cause) = world.gateway.state();
        assert!(state == TradingState::Halted && cause.contains("may withdraw"), "{cause}");
        world.answer_all();
        assert!(!world.state_of(&order).is_open());
        let holds = |world: &World| {
            world.gateway.in_the_way(world.now).iter().any(|why| why.contains("may withdraw"))
        };
        assert!(holds(&world), "nothing is resumed with such a key");
        // That the right is gone again lifts nothing.
        told(&mut world, Some(GOOD), &policy);
        assert_eq!((world.gateway.state().0, audits(&world)), (TradingState::Halted, 3));
        assert!(!holds(&world));
    }

    #[test]
    fn what_is_accepted_or_only_said_halts_nothing_and_is_written_down() {
        let mut world = World::new();
        let policy = KeyPolicy { accept: [KeyFinding::Transfer].into(), ..KeyPolicy::default() };
        let open = KeyScopes { transfer: Some(true), ip_bound: Some(false), ..GOOD };
        told(&mut world, Some(open), &policy);
        told(&mut world, None, &policy);
        assert_eq!((world.gateway.state().0, audits(&world)), (TradingState::Active, 2));
        assert!(world.place(spec(Side::Buy, "1", "99.99")).is_some());
    }
}
