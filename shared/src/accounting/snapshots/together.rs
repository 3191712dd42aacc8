//! Runs a few futures of one kind at once: most of an examination is waiting for the stores.

use std::{future::poll_fn, pin::Pin, task::Poll};

/// A future, and its value once there is one.
type Slot<F> = (Option<Pin<Box<F>>>, Option<<F as Future>::Output>);

/// The values of `futures`, in their order; all of them run at once, on one task.
pub(in crate::accounting) async fn together<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut slots: Vec<Slot<F>> = futures.into_iter().map(|future| (Some(Box::pin(future)), None)).collect();
    poll_fn(|context| {
        let mut waits = false;
        for (future, value) in &mut slots {
            let Some(running) = future else { continue };
            match running.as_mut().poll(context) {
                Poll::Ready(ready) => (*future, *value) = (None, Some(ready)),
                Poll::Pending => waits = true,
            }
        }
        if waits { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    slots.into_iter().filter_map(|(_, value)| value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{at_once, pass_the_turn};

    #[test]
    fn values_come_in_the_order_of_their_futures_and_all_run_at_once() {
        let begun = std::cell::Cell::new(0);
        let slow = |n: usize| {
            let begun = &begun;
            async move {
                begun.set(begun.get() + 1);
                for _ in n..3 {
                    pass_the_turn().await;
                }
                (n, begun.get())
            }
        };
        assert_eq!(at_once(together((0..3).map(slow))), [(0, 3), (1, 3), (2, 3)]);
        assert!(at_once(together((0..0).map(slow))).is_empty());
    }
}
