//! What happens to a call before its request is read: it gets its deadline, and its place or a refusal.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::codegen::{Body as _, Bytes};
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::deadline;
use super::gate::{Payer, Refused};
use super::listen::Peer;
use super::state::Service as Pricing;

/// The calls that price one order.
const PRICED: [&str; 3] =
    ["/bidprice.v1.Pricing/Quote", "/bidprice.v1.Pricing/Screen", "/akash.provider.v1.ProviderRPC/BidScreening"];

/// How long any other call may take: a reload may have a large plugin to compile.
const UNPRICED: Duration = Duration::from_secs(600);

/// When a call must be answered. It counts from the arrival of its head: a request that drips in has no more time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deadline(pub(super) Instant);

/// Receives calls.
#[derive(Clone, Debug)]
pub(super) struct Arrivals(pub(super) Pricing);

/// Calls that have arrived.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    pricing: Pricing,
    routes: Routes,
}

impl Layer<Routes> for Arrivals {
    type Service = Arrived;

    fn layer(&self, routes: Routes) -> Arrived {
        Arrived { pricing: self.0.clone(), routes }
    }
}

impl Service<Request<Body>> for Arrived {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        <Routes as Service<Request<Body>>>::poll_ready(&mut self.routes, cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let active = self.pricing.active();
        let limits = &active.loaded.config.limits;
        let priced = PRICED.contains(&request.uri().path());
        let longest = if priced { limits.deadline.get() } else { UNPRICED };
        let deadline = deadline::of(request.headers(), longest);
        request.extensions_mut().insert(Deadline(deadline));
        let peer: Option<Peer> = request.extensions().get().copied();
        if let Some(Peer { caller, payer }) = peer {
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(payer);
        }
        let payer = peer.map_or_else(Payer::default, |peer| peer.payer);
        let enter = || self.pricing.inner.gate.enter(limits, deadline, payer).map(Some);
        let entered = if priced { enter() } else { Ok(None) };
        let call = match entered {
            Ok(call) => call,
            Err(refused) => return Box::pin(refuse(request.into_body(), deadline, refused)),
        };
        let answered = self.routes.call(request);
        let most = limits.request_bytes;
        Box::pin(async move {
            let _call = call;
            // Of a stream, this is the time until it begins.
            match tokio::time::timeout_at(deadline.into(), answered).await {
                Ok(answered) => answered.map(|response| too_large(response, most)),
                Err(_) => Ok(answer(Refused::Deadline)),
            }
        })
    }
}

/// Bytes of a refused request that are looked at no further. One that is larger costs its stream a reset.
const SKIPPED: usize = 64 << 10;

/// Refuses a call, and lets its request pass by first: HTTP/2 takes many requests that nobody reads for an attack, and
/// ends the connection with everybody else's calls on it.
async fn refuse(mut request: Body, deadline: Instant, refused: Refused) -> Result<Response<Body>, Infallible> {
    let skip = async {
        let mut skipped: usize = 0;
        while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut request).poll_frame(cx)).await {
            skipped = skipped.saturating_add(frame.data_ref().map_or(0, Bytes::len));
            if skipped > SKIPPED {
                return;
            }
        }
    };
    // Late or not, it is refused.
    let _ = tokio::time::timeout_at(deadline.into(), skip).await;
    Ok(answer(refused))
}

/// Says of a request that was too large which limit that was. The decoder calls it out of range; nothing else here does.
fn too_large(response: Response<Body>, most: usize) -> Response<Body> {
    let status = Status::from_header_map(response.headers());
    if status.is_none_or(|status| status.code() != Code::OutOfRange) {
        return response;
    }
    Status::resource_exhausted(format!("the request is larger than the {most} bytes of `limits.request_bytes`"))
        .into_http()
}

fn answer(refused: Refused) -> Response<Body> {
    Status::from(refused).into_http()
}
