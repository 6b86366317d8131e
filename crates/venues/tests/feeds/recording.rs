//! Files of recorded sessions. They are not part of the product: where they are missing, the test says
//! so and is left out.

use std::io::{BufRead as _, BufReader, Lines};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use model::{Asset, Instrument};

pub(crate) type Recording = Lines<BufReader<MultiGzDecoder<std::fs::File>>>;

/// The lines of a file, when it is here.
pub(crate) fn lines(name: &str) -> Option<Recording> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if !path.exists() {
        eprintln!("NOT TESTED: recording {name} is not here");
        return None;
    }
    let file = std::fs::File::open(path).unwrap();
    Some(BufReader::new(MultiGzDecoder::new(file)).lines())
}

/// An instrument of this symbol.
pub(crate) fn instrument(
    base: &str,
    quote: &str,
    symbol: &str,
    tick: &str,
    lot: &str,
) -> Instrument {
    let asset = |name| Asset::new(name).unwrap();
    let (tick, lot) = (tick.parse().unwrap(), lot.parse().unwrap());
    let spot = Instrument::spot(asset(base), asset(quote), tick, lot).unwrap();
    Instrument { symbol: symbol.to_owned(), ..spot }
}
