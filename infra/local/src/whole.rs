//! Reads each request to its end before answering, as the services in front of AWS and Stripe do.
//!
//! A server that answers and closes while its caller still writes breaks the connection: the caller sees a connection
//! reset, and not the 401 or 413 that was meant for it. This depends on the timing of both sides, so it is
//! intermittent.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use axum::middleware::Next;
use axum::response::IntoResponse;

/// Most bytes of a body that a handler is given; each handler has its own limit below.
pub const LARGEST: usize = 64 * 1024 * 1024;

/// How much of a larger body is read and dropped before the answer, and for how long: reading is bounded.
const DROPPED: usize = 4 * LARGEST;
const PATIENCE: Duration = Duration::from_secs(30);

/// The result of reading a body.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    Whole(Bytes),
    TooLarge,
    /// The caller disconnected, or never finishes the body.
    Broken,
}

/// The outermost layer of a router: handlers run after the body is complete.
pub async fn read_whole(request: Request, next: Next) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let read = tokio::time::timeout(PATIENCE, read(body, LARGEST, DROPPED)).await.unwrap_or(Read::Broken);
    match read {
        Read::Whole(bytes) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Read::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "{\"message\":\"Request Entity Too Large\"}").into_response(),
        Read::Broken => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn read(mut body: Body, largest: usize, dropped: usize) -> Read {
    let mut kept = Vec::new();
    let mut length = 0_usize;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(frame) = frame else { return Read::Broken };
        let Ok(data) = frame.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > dropped {
            break;
        }
        if length > largest {
            kept = Vec::new();
        } else {
            kept.extend_from_slice(&data);
        }
    }
    if length > largest { Read::TooLarge } else { Read::Whole(Bytes::from(kept)) }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use axum::Router;
    use axum::middleware::from_fn;
    use axum::routing::post;
    use tokio::net::TcpListener;

    use super::*;

    /// Writes a request of `length` bytes with pauses, as a busy machine does, and returns the status.
    #[expect(clippy::disallowed_methods, reason = "it stops a thread of its own")]
    fn ask(address: std::net::SocketAddr, path: &str, length: usize) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        write!(stream, "POST {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n")?;
        let part = vec![b'x'; 256 * 1024];
        let mut left = length;
        while left > 0 {
            let now = left.min(part.len());
            stream.write_all(&part[..now])?;
            left -= now;
            std::thread::sleep(Duration::from_millis(2));
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.split(' ').nth(1).unwrap_or_default().to_owned())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_still_writes_hears_an_early_answer() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/refused", post(|| async { StatusCode::UNAUTHORIZED }))
            .fallback(|| async { StatusCode::NOT_FOUND })
            .layer(from_fn(read_whole));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        for (path, length, status) in [
            ("/refused", 8 << 20, "401"),
            ("/nowhere", 8 << 20, "404"),
            ("/refused", LARGEST + 1, "413"),
            ("/refused", 0, "401"),
        ] {
            let told = tokio::task::spawn_blocking(move || ask(address, path, length)).await.unwrap();
            assert_eq!(told.unwrap_or_else(|broken| broken.to_string()), status, "{path} {length}");
        }
        server.abort();
    }

    #[tokio::test]
    async fn a_body_is_handed_on_whole_or_not_at_all() {
        let body = |length: usize| Body::from(vec![b'x'; length]);
        assert_eq!(read(body(3), 3, 9).await, Read::Whole(Bytes::from_static(b"xxx")));
        assert_eq!(read(body(0), 3, 9).await, Read::Whole(Bytes::new()));
        assert_eq!(read(body(4), 3, 9).await, Read::TooLarge);
        assert_eq!(read(body(10), 3, 9).await, Read::TooLarge);
    }
}
