//! The port: who is let in, and how a connection begins and ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::answer::{self, HELD_PAUSE};
use super::faults::FaultId;
use super::wire::{Ending, Wire};
use super::world::Shared;
use crate::clock;

/// A client that has not sent its header by then is cut off.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Takes connections until told to stop.
pub(super) async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
        };
        match accepted {
            Ok((stream, peer)) => admit(stream, peer, &shared),
            Err(error) => {
                // Out of descriptors, most likely: others will close.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    // Whatever is held goes on, finds its connection cut, and ends.
    shared.world().faults.heal();
    shared.turn();
    shared.cut_all();
}

fn admit(stream: TcpStream, peer: SocketAddr, shared: &Arc<Shared>) {
    let now = clock::now();
    let mut world = shared.world();
    if world.faults.is_outage(now) {
        world.counts.connections.refused += 1;
        drop(world);
        reset(stream);
        return;
    }
    world.counts.connections.opened += 1;
    let half_open = world.faults.half_open(now, peer.ip());
    drop(world);
    match half_open {
        Some(fault) => tokio::spawn(hold(stream, fault, Arc::clone(shared))),
        None => tokio::spawn(serve(stream, peer, Arc::clone(shared))),
    };
}

/// Closes a connection the hard way, as a vanished peer would.
fn reset(stream: TcpStream) {
    let ending = Ending::default();
    ending.reset();
    drop(Wire::new(stream, ending));
}

/// Keeps a connection on which nothing is ever answered, until the fault is over.
async fn hold(stream: TcpStream, fault: FaultId, shared: Arc<Shared>) {
    let mut cut = shared.cut.subscribe();
    while shared.world().faults.is_under_way(clock::now(), fault) {
        tokio::select! {
            () = tokio::time::sleep(HELD_PAUSE) => {}
            _ = cut.changed() => break,
        }
    }
    reset(stream);
    shared.world().counts.connections.closed += 1;
}

async fn serve(stream: TcpStream, peer: SocketAddr, shared: Arc<Shared>) {
    // Small answers must not wait for more; a socket that refuses is merely slower.
    let _ = stream.set_nodelay(true);
    let mut cut = shared.cut.subscribe();
    let ending = Ending::default();
    let service = service_fn(|request| {
        let (shared, ending) = (Arc::clone(&shared), ending.clone());
        async move { answer::answer(request, peer.ip(), ending, shared).await }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(Wire::new(stream, ending.clone())), service)
        .with_upgrades();
    tokio::select! {
        // However a client ends its connection, there is nothing to be done about it.
        _ = connection => {}
        _ = cut.changed() => {}
    }
    shared.world().counts.connections.closed += 1;
}
