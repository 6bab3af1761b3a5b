//! Connections in bounded number and for bounded time, so that a client that stalls holds one of a few places for a few
//! seconds and nothing else.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

/// Connections at once; more wait in the kernel's backlog.
const PLACES: usize = 64;
/// From accept to the last byte.
const DEADLINE: Duration = Duration::from_secs(10);
/// Wait after a failed accept, such as "too many open files".
const AFTER_ERROR: Duration = Duration::from_millis(200);

/// A listener that hands out [`Connection`]s.
pub struct Bounded {
    listener: TcpListener,
    places: Arc<Semaphore>,
    deadline: Duration,
}

impl Bounded {
    /// Bounds `listener`.
    pub fn new(listener: TcpListener) -> Bounded {
        Bounded { listener, places: Arc::new(Semaphore::new(PLACES)), deadline: DEADLINE }
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // The semaphore is never closed, so there is always a permit in the end.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    return (Connection { stream, deadline: Box::pin(sleep(self.deadline)), _place: place }, address);
                }
                Err(error) => {
                    tracing::debug!(%error, "console cannot accept a connection");
                    sleep(AFTER_ERROR).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One client; every wait for it ends at the deadline.
pub struct Connection {
    stream: TcpStream,
    deadline: Pin<Box<Sleep>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Connection {
    /// Turns a wait past the deadline into an error.
    fn bounded<T>(&mut self, context: &mut Context<'_>, answer: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if answer.is_pending() && self.deadline.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        answer
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

    #[tokio::test]
    async fn a_silent_client_loses_its_place_to_the_next() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let mut bounded =
            Bounded { listener, places: Arc::new(Semaphore::new(1)), deadline: Duration::from_millis(20) };
        let _silent = TcpStream::connect(address).await.expect("connects");
        let mut talker = TcpStream::connect(address).await.expect("connects");
        talker.write_all(b"hello").await.expect("says something");

        let (mut first, _) = bounded.accept().await;
        let reader = tokio::spawn(async move { first.read_u8().await.expect_err("nothing comes").kind() });
        let (mut second, _) = bounded.accept().await;
        assert_eq!(reader.await.expect("ends"), io::ErrorKind::TimedOut);
        let mut said = [0; 5];
        second.read_exact(&mut said).await.expect("what was said before the deadline is read");
        assert_eq!(&said, b"hello");
    }
}
