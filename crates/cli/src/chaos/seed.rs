//! A plan in words of the command line, and back: what is taken out of a world to make its story short.

use anyhow::{anyhow, bail};
use sim::{Agents, Fault, FaultSet, Plan, VenueClass};

#[derive(Clone, clap::Args)]
pub(crate) struct Choices {
    /// Only these kinds of fault, joined by commas; `none` for none, `all` for all.
    #[arg(long, value_name = "KINDS")]
    faults: Option<String>,
    /// Only this kind of venue.
    #[arg(long, value_name = "VENUE")]
    venue: Option<String>,
    /// Only these agents, joined by commas: maker, reversion, hostile; `none` for none.
    #[arg(long, value_name = "AGENTS")]
    agents: Option<String>,
    /// Faults only in this round.
    #[arg(long, value_name = "K")]
    round: Option<u64>,
    /// Nothing is wanted after so many intents.
    #[arg(long, value_name = "N")]
    intents: Option<u64>,
    /// The gateway is killed at this boundary of writing or sending, and at the one after the colon
    /// once more while it recovers.
    #[arg(long, value_name = "K[:J]")]
    crash: Option<String>,
    /// The reference day of the crash sweep instead of the seed's own.
    #[arg(long)]
    reference_day: bool,
    /// The trial of lost acknowledgements of this seed instead of a whole world.
    #[arg(long)]
    trial: bool,
}

impl Choices {
    /// The plan with these choices in place of what its seed has drawn.
    pub(crate) fn applied(&self, plan: Plan) -> anyhow::Result<Plan> {
        let mut plan = if self.trial { sim::trial(plan.seed) } else { plan };
        if let Some(name) = &self.venue {
            plan.venue = venue(name)?;
        }
        if self.reference_day {
            plan = sim::reference_day(plan.venue);
        }
        if let Some(text) = &self.faults {
            plan.faults = faults(text)?;
        }
        if let Some(text) = &self.agents {
            plan.agents = agents(text)?;
        }
        plan.only_round = self.round.or(plan.only_round);
        plan.intents_max = self.intents.or(plan.intents_max);
        if let Some(text) = &self.crash {
            let (first, again) = match text.split_once(':') {
                Some((first, again)) => (first, Some(again.parse()?)),
                None => (text.as_str(), None),
            };
            plan.crash = sim::CrashAt { first: Some(first.parse()?), again };
        }
        Ok(plan)
    }
}

fn venue(name: &str) -> anyhow::Result<VenueClass> {
    let found = VenueClass::ALL.into_iter().find(|class| class.name() == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = VenueClass::ALL.iter().map(|class| class.name()).collect();
        anyhow!("no venue {name:?}; there are: {}", names.join(", "))
    })
}

fn faults(text: &str) -> anyhow::Result<FaultSet> {
    match text {
        "none" => return Ok(FaultSet::NONE),
        "all" => return Ok(FaultSet::ALL),
        _ => {}
    }
    text.split(',').try_fold(FaultSet::NONE, |set, name| match Fault::named(name) {
        Some(fault) => Ok(set.with(fault)),
        None => {
            let names: Vec<&str> = Fault::ALL.iter().map(|fault| fault.name()).collect();
            bail!("no fault {name:?}; there are: {}", names.join(", "))
        }
    })
}

fn agents(text: &str) -> anyhow::Result<Agents> {
    let mut agents = Agents { maker: false, reversion: false, hostile: false };
    for name in text.split(',').filter(|name| *name != "none") {
        match name {
            "maker" => agents.maker = true,
            "reversion" => agents.reversion = true,
            "hostile" => agents.hostile = true,
            other => bail!("no agent {other:?}; there are: maker, reversion, hostile"),
        }
    }
    Ok(agents)
}

/// The one command that repeats a plan.
pub(crate) fn command(plan: &Plan) -> String {
    let mut text = format!("plimsoll chaos --seed {}", plan.seed);
    let mut add = |word: String| text.push_str(&word);
    if plan.trial.is_some() {
        add(" --trial".to_owned());
    } else {
        add(format!(" --minutes {}", plan.time.as_secs().div_ceil(60)));
        let of_seed = Plan::of(plan.seed, plan.time);
        if plan.crash.first.is_some() {
            add(" --reference-day".to_owned());
        }
        if plan.venue != of_seed.venue || plan.crash.first.is_some() {
            add(format!(" --venue {}", plan.venue.name()));
        }
        let names: Vec<&str> = plan.faults.iter().map(Fault::name).collect();
        add(format!(" --faults {}", some_of(&names)));
        let Agents { maker, reversion, hostile } = plan.agents;
        let run = [(maker, "maker"), (reversion, "reversion"), (hostile, "hostile")];
        let names: Vec<&str> = run.iter().filter(|(runs, _)| *runs).map(|(_, n)| *n).collect();
        add(format!(" --agents {}", some_of(&names)));
    }
    if let Some(round) = plan.only_round {
        add(format!(" --round {round}"));
    }
    if let Some(most) = plan.intents_max {
        add(format!(" --intents {most}"));
    }
    if let Some(first) = plan.crash.first {
        let again = plan.crash.again.map(|again| format!(":{again}"));
        add(format!(" --crash {first}{}", again.unwrap_or_default()));
    }
    text
}

fn some_of(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(",") }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[arg(long)]
        seed: u64,
        #[arg(long, default_value_t = 60)]
        minutes: u64,
        #[command(flatten)]
        choices: Choices,
    }

    fn read(command: &str) -> Plan {
        let words = command.split(' ').skip(1);
        let line = Line::try_parse_from(words).unwrap();
        let time = Duration::from_secs(line.minutes * 60);
        line.choices.applied(Plan::of(line.seed, time)).unwrap()
    }

    #[test]
    fn the_command_repeats_the_plan() {
        let time = Duration::from_secs(480);
        let mut plan = Plan::of(7, time);
        assert_eq!(read(&command(&plan)), plan);
        plan.faults = FaultSet::NONE.with(Fault::Kill).with(Fault::AccountGap);
        plan.agents = Agents { maker: false, reversion: false, hostile: true };
        (plan.only_round, plan.intents_max) = (Some(1), Some(12));
        assert_eq!(read(&command(&plan)), plan);
        let none = Agents { maker: false, reversion: false, hostile: false };
        let bare = Plan { faults: FaultSet::NONE, agents: none, ..plan };
        assert_eq!(read(&command(&bare)), bare);
        assert_eq!(read(&command(&sim::trial(5))), sim::trial(5));
        let day = sim::reference_day(VenueClass::ALL[1]);
        let crashed = sim::crash_at(&day, 77, true);
        let again = read(&command(&crashed));
        assert_eq!(
            (again.crash, again.venue, again.faults),
            (crashed.crash, day.venue, day.faults)
        );
    }

    #[test]
    fn wrong_words_are_named() {
        for (text, word) in [("kil", "kil"), ("kill,", "")] {
            let error = faults(text).unwrap_err().to_string();
            assert!(error.contains(&format!("{word:?}")), "{error}");
        }
        assert!(venue("kraken").is_err() && agents("robot").is_err());
    }
}
