//! A streamed answer, line by line, that tells the clock when its reader works and when it waits.
//!
//! Virtual time may step while a watch is idle, and only then: the simulator counts what it has sent, this counts
//! what was taken out of the body, and says after each byte whether its reader is done with it.

use std::pin::Pin;
use std::task::Poll;

use bytes::Bytes;
use http_body::Body as _;
use kube::client::Body;
use timonel_ports::clock::{InFlight, InFlightNote};
use timonel_ports::target::TargetError;

use crate::connection::{BODY_LIMIT, transport};

/// The lines of one answer; dropping it ends the request.
pub(crate) struct Lines {
    place: String,
    flight: InFlight,
    body: Body,
    read: Vec<u8>,
}

impl Lines {
    pub(crate) fn new(place: String, flight: InFlight, body: Body) -> Self {
        Self {
            place,
            flight,
            body,
            read: Vec::new(),
        }
    }

    /// The next whole line without its end; `None` where the answer ended. Cancel safe.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, TargetError> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let rest = self.read.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.read, rest);
                line.pop();
                return Ok(Some(line));
            }
            if self.read.len() > BODY_LIMIT {
                let detail = format!("a line of more than {BODY_LIMIT} bytes");
                return Err(TargetError::Garbled {
                    place: self.place.clone(),
                    detail,
                });
            }
            match self.data().await {
                Some(Ok(data)) => self.read.extend_from_slice(&data),
                Some(Err(error)) => return Err(transport(&self.place, error)),
                None => return Ok(None),
            }
        }
    }

    async fn data(&mut self) -> Option<Result<Bytes, kube::Error>> {
        loop {
            let frame = std::future::poll_fn(|cx| {
                let polled = Pin::new(&mut self.body).poll_frame(cx);
                self.flight.note(match &polled {
                    Poll::Pending => InFlightNote::Waiting,
                    Poll::Ready(_) => InFlightNote::Working,
                });
                polled
            });
            match frame.await?.map(|frame| frame.into_data()) {
                Ok(Ok(data)) => {
                    self.flight.note(InFlightNote::Read(data.len() as u64));
                    return Some(Ok(data));
                }
                // Trailers carry nothing that a watch needs.
                Ok(Err(_trailers)) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
