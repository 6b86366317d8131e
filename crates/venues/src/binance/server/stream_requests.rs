//! Requests on a market connection: subscribe, unsubscribe, list, properties.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use serde_json::value::RawValue;

use super::sockets::{Kind, STREAMS_MAX};
use super::state::BinanceServer;
use super::streams::{self, Listener};
use crate::binance::wire::SocketRequest;
use crate::server::{ConnId, Frame, Payload};

/// A request that cannot be carried out: the streams' own code and words.
struct Wrong(u8, String);

impl BinanceServer {
    /// Carries out a request on a market connection.
    pub(super) fn stream_request(&mut self, conn: ConnId, text: &str, out: &mut Vec<Frame>) {
        let answer = match serde_json::from_str::<SocketRequest<'_>>(text) {
            Err(error) => {
                let body = json!({"code": 3, "msg": format!("Invalid JSON: {error}")});
                body.to_string()
            }
            Ok(request) => {
                let id = request.id.map_or("null", RawValue::get);
                match self.carry_out(conn, &request) {
                    Ok(result) => format!("{{\"result\":{result},\"id\":{id}}}"),
                    Err(Wrong(code, msg)) => {
                        let error = json!({"code": code, "msg": msg});
                        format!("{{\"error\":{error},\"id\":{id}}}")
                    }
                }
            }
        };
        out.push(Frame { conn, payload: Payload::Text(Arc::from(answer)) });
    }

    fn carry_out(&mut self, conn: ConnId, request: &SocketRequest<'_>) -> Result<String, Wrong> {
        match request.method.as_ref() {
            "SUBSCRIBE" => {
                for name in names(request.params)? {
                    self.listen(conn, &name)?;
                }
                Ok("null".to_owned())
            }
            "UNSUBSCRIBE" => {
                for name in names(request.params)? {
                    self.forget(conn, &name);
                }
                Ok("null".to_owned())
            }
            "LIST_SUBSCRIPTIONS" => {
                let names = self.stream_names(conn).cloned().unwrap_or_default();
                Ok(json!(names).to_string())
            }
            "SET_PROPERTY" => self.set_property(conn, request.params),
            "GET_PROPERTY" => match names(request.params)?.first().map(String::as_str) {
                Some("combined") => Ok(self.is_combined(conn).to_string()),
                _ => Err(Wrong(0, "Unknown property".to_owned())),
            },
            other => Err(Wrong(
                2,
                format!(
                    "Invalid request: unknown variant `{other}`, expected one of `SUBSCRIBE`, \
                     `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`"
                ),
            )),
        }
    }

    fn stream_names(&self, conn: ConnId) -> Option<&BTreeSet<String>> {
        match &self.conns.get(&conn)?.kind {
            Kind::Streams { names, .. } => Some(names),
            Kind::Api(_) => None,
        }
    }

    fn is_combined(&self, conn: ConnId) -> bool {
        let kind = self.conns.get(&conn).map(|conn| &conn.kind);
        matches!(kind, Some(Kind::Streams { combined: true, .. }))
    }

    /// Adds a stream. A name that nobody serves is taken and stays silent, as on the real venue.
    pub(super) fn listen_to(&mut self, conn: ConnId, name: &str) {
        // Refused only for being one too many, which a path cannot say.
        let _ = self.listen(conn, name);
    }

    fn listen(&mut self, conn: ConnId, name: &str) -> Result<(), Wrong> {
        let Some(open) = self.conns.get_mut(&conn) else { return Ok(()) };
        let unit = open.unit;
        let Kind::Streams { names, combined } = &mut open.kind else { return Ok(()) };
        if names.len() >= STREAMS_MAX && !names.contains(name) {
            let msg = format!("Invalid request: more than {STREAMS_MAX} streams on one connection");
            return Err(Wrong(2, msg));
        }
        names.insert(name.to_owned());
        if let Some(stream) = streams::parse(name, &self.symbols) {
            let listener = Listener { name: name.to_owned(), combined: *combined, unit };
            self.hub.subscribe(conn, stream, listener);
        } else if let Some(account) = self.listen_keys.get(name) {
            self.listeners.add(*account, (conn, None), unit);
        }
        Ok(())
    }

    fn forget(&mut self, conn: ConnId, name: &str) {
        let Some(Kind::Streams { names, .. }) = self.conns.get_mut(&conn).map(|c| &mut c.kind)
        else {
            return;
        };
        names.remove(name);
        if let Some(stream) = streams::parse(name, &self.symbols) {
            self.hub.unsubscribe(conn, stream);
        } else if let Some(account) = self.listen_keys.get(name) {
            self.listeners.remove(*account, (conn, None));
        }
    }

    fn set_property(&mut self, conn: ConnId, params: Option<&RawValue>) -> Result<String, Wrong> {
        let parsed = params.and_then(|raw| serde_json::from_str(raw.get()).ok());
        let Some((name, value)): Option<(String, serde_json::Value)> = parsed else {
            return Err(Wrong(
                2,
                "Invalid request: a property and its value are wanted".to_owned(),
            ));
        };
        if name != "combined" {
            return Err(Wrong(0, "Unknown property".to_owned()));
        }
        let Some(wanted) = value.as_bool() else {
            return Err(Wrong(1, "Invalid value type: expected Boolean".to_owned()));
        };
        if let Some(Kind::Streams { combined, .. }) = self.conns.get_mut(&conn).map(|c| &mut c.kind)
        {
            *combined = wanted;
        }
        self.hub.set_combined(conn, wanted);
        Ok("null".to_owned())
    }
}

fn names(params: Option<&RawValue>) -> Result<Vec<String>, Wrong> {
    let wrong = || Wrong(2, "Invalid request: params must be a list of names".to_owned());
    serde_json::from_str(params.ok_or_else(wrong)?.get()).map_err(|_| wrong())
}
