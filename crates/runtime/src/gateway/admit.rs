//! May a live run start? The gates are asked before anything is opened or sent, all but one: what the key may do is
//! asked when its time comes, and judged with the others then.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use model::venue::KeyAudit;
use model::{AgentId, AgentVersion, GateName, GateOverride};
use tokio::time::timeout;

use super::audit;
use super::error::RunError;
use super::rest::Rest;
use crate::clock;
use crate::config::Config;
use crate::gates::{self, Evidence, Gate, KeySeen, Standing};

/// Longest wait for what the key may do, where nothing starts anyway.
const KEY_MAX: Duration = Duration::from_secs(5);

/// What the gates said; `None` in a paper run, which has none.
pub(super) struct Admitted(Option<Evidence>);

impl Admitted {
    /// Asks all of them but the key's. Where one is not met the key's is asked, too, so that the list is whole.
    pub(super) async fn ask(
        config: &Config,
        state_dir: &Path,
        rest: &Rest,
    ) -> Result<Admitted, RunError> {
        if config.paper.is_some() {
            return Ok(Admitted(None));
        }
        let watchdog = gates::watchdog_at_start(config).await;
        let key = KeySeen::Unknown("it was not asked for yet".to_owned());
        // A journal on a server is read by a client that waits, which this thread must not do; it is not needed
        // meanwhile, for nothing has begun.
        let now = clock::now();
        let gathered = std::thread::scope(|scope| {
            let gather = || Evidence::gather(config, Some(state_dir), watchdog, key, now);
            scope.spawn(gather).join()
        });
        let Ok(mut evidence) = gathered else {
            return Err(RunError::Gates("they could not be looked at".to_owned()));
        };
        let judged = gates::judge(config, &evidence);
        let blocks = gates::unmet(&judged).any(|gate| gate.gate != GateName::KeyScopes);
        if !blocks {
            return Ok(Admitted(Some(evidence)));
        }
        let (venue, settings) = &config.venue;
        let look = async {
            rest.measure_clock().await;
            audit::look(*venue, settings, rest).await
        };
        evidence.key = match timeout(KEY_MAX, look).await {
            Ok(Ok(audit)) => KeySeen::Audited(audit),
            Ok(Err(cause)) => KeySeen::Unknown(cause),
            Err(_) => KeySeen::Unknown("the exchange does not answer".to_owned()),
        };
        Err(refusal(&gates::judge(config, &evidence)))
    }

    /// Asks the last one. Says which gates a person has opened, and which version of each agent alone may run: the
    /// one that has a paper record, where one was asked for.
    pub(super) fn with_key(
        self,
        config: &Config,
        audit: Option<&KeyAudit>,
    ) -> Result<(Vec<GateOverride>, BTreeMap<AgentId, AgentVersion>), RunError> {
        let (Some(mut evidence), Some(audit)) = (self.0, audit) else {
            return Ok(Default::default());
        };
        evidence.key = KeySeen::Audited(audit.clone());
        let judged = gates::judge(config, &evidence);
        if gates::unmet(&judged).next().is_some() {
            return Err(refusal(&judged));
        }
        let is_met =
            |gate: &Gate| (gate.gate, gate.standing) == (GateName::PaperRecord, Standing::Met);
        let mut pins = BTreeMap::new();
        if judged.iter().any(is_met) {
            let known = evidence.versions.iter();
            pins.extend(
                known.filter_map(|(agent, version)| Some((*agent, *version.as_ref().ok()?))),
            );
        }
        Ok((gates::overridden(&judged), pins))
    }
}

fn refusal(judged: &[Gate]) -> RunError {
    let count = gates::unmet(judged).count();
    let are = if count == 1 {
        "1 gate is not met".to_owned()
    } else {
        format!("{count} gates are not met")
    };
    RunError::Gates(format!("{are}; plimsoll doctor shows them, too{}", gates::list(judged)))
}
