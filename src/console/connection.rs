//! Connections in bounded number and for bounded time. When every place is taken the oldest connection loses its own, so
//! that clients that stall, however many, keep nobody waiting: a probe of health is answered at once.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Connections at once.
const PLACES: usize = 64;
/// From accept to the last byte.
const DEADLINE: Duration = Duration::from_secs(10);
/// Wait after a failed accept, such as "too many open files".
const AFTER_ERROR: Duration = Duration::from_millis(200);

/// A listener that hands out [`Connection`]s.
pub(super) struct Bounded {
    listener: TcpListener,
    open: Arc<OpenConnection>,
    most: usize,
    deadline: Duration,
}

/// The connections that are open, oldest first.
#[derive(Default)]
struct OpenConnection {
    places: Mutex<VecDeque<(u64, CancellationToken)>>,
}

impl OpenConnection {
    fn places(&self) -> MutexGuard<'_, VecDeque<(u64, CancellationToken)>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new connection, at the cost of the oldest if there are as many as may be.
    fn take(self: &Arc<Self>, most: usize) -> ConnectionSlot {
        let lost = CancellationToken::new();
        let mut places = self.places();
        while places.len() >= most.max(1) {
            if let Some((_, oldest)) = places.pop_front() {
                oldest.cancel();
            }
        }
        let number = places.back().map_or(0, |(last, _)| last + 1);
        places.push_back((number, lost.clone()));
        ConnectionSlot { open: self.clone(), number, lost }
    }
}

/// One of the places, given back when dropped.
struct ConnectionSlot {
    open: Arc<OpenConnection>,
    number: u64,
    lost: CancellationToken,
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        if !self.lost.is_cancelled() {
            self.open.places().retain(|(number, _)| *number != self.number);
        }
    }
}

impl Bounded {
    /// Bounds `listener`.
    pub(super) fn new(listener: TcpListener) -> Bounded {
        Bounded { listener, open: Arc::default(), most: PLACES, deadline: DEADLINE }
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> Connection {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let place = self.open.take(self.most);
                    let lost = Box::pin(place.lost.clone().cancelled_owned());
                    return Connection { stream, deadline: Box::pin(sleep(self.deadline)), lost, _place: place };
                }
                Err(error) => {
                    tracing::debug!(%error, "console cannot accept a connection");
                    sleep(AFTER_ERROR).await;
                }
            }
        }
    }
}

/// One client; every wait for it ends at the deadline, or when another needs its place.
pub(super) struct Connection {
    stream: TcpStream,
    deadline: Pin<Box<Sleep>>,
    lost: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: ConnectionSlot,
}

impl Connection {
    /// Turns a wait that may not last into an error.
    fn bounded<T>(&mut self, context: &mut Context<'_>, answer: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let is_over = answer.is_pending()
            && (self.deadline.as_mut().poll(context).is_ready() || self.lost.as_mut().poll(context).is_ready());
        if is_over { Poll::Ready(Err(io::ErrorKind::TimedOut.into())) } else { answer }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let answer = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.bounded(context, answer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let answer = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bounded(context, answer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let answer = Pin::new(&mut self.stream).poll_flush(context);
        self.bounded(context, answer)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let answer = Pin::new(&mut self.stream).poll_shutdown(context);
        self.bounded(context, answer)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const NEVER: Duration = Duration::from_secs(86_400);

    async fn bounded(most: usize, deadline: Duration) -> (Bounded, std::net::SocketAddr) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("its address");
        (Bounded { listener, open: Arc::default(), most, deadline }, address)
    }

    #[tokio::test]
    async fn a_silent_client_is_given_up_at_the_deadline() {
        let (bounded, address) = bounded(2, Duration::from_millis(20)).await;
        let _silent = TcpStream::connect(address).await.expect("connects");
        let mut connection = bounded.accept().await;
        assert_eq!(connection.read_u8().await.expect_err("nothing comes").kind(), io::ErrorKind::TimedOut);
        drop(connection);
        assert!(bounded.open.places().is_empty(), "its place is free");
    }

    #[tokio::test]
    async fn the_oldest_of_too_many_loses_its_place_and_the_new_one_is_heard_at_once() {
        let (bounded, address) = bounded(2, NEVER).await;
        let (mut clients, mut connections) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            clients.push(TcpStream::connect(address).await.expect("connects"));
            connections.push(bounded.accept().await);
        }
        let mut talker = TcpStream::connect(address).await.expect("connects");
        talker.write_all(b"hello").await.expect("says something");
        let mut heard = bounded.accept().await;
        let mut said = [0; 5];
        heard.read_exact(&mut said).await.expect("is read");
        assert_eq!(&said, b"hello");
        let error = connections[0].read_u8().await.expect_err("its place is another's");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(bounded.open.places().len(), 2);
    }
}
