//! The data planes together: what cluster and account do with the world's calls at the present moment.

use timonel_domain::value::Weight;
use timonel_ports::task;

use super::exchange::Exchange;
use super::objects::Route;
use super::{Scene, Tasks};
use crate::cluster::Cluster;
use crate::time::VirtualClock;

/// Whatever decides where calls go; a handle.
#[derive(Debug, Clone)]
pub(crate) struct DataPlane {
    pub(super) scene: Scene,
    pub(super) cluster: Cluster,
    /// Divides the calls, where no account does.
    pub(super) splitter: Option<Route>,
    /// Lets the canary's through; all of them where there is none.
    pub(super) follower: Option<Route>,
    pub(super) exchange: Option<Exchange>,
}

impl DataPlane {
    /// The Telnyx account, where the world has one.
    pub(crate) fn exchange(&self) -> Option<&Exchange> {
        self.exchange.as_ref()
    }

    /// Makes the world do from now on what is in force now.
    pub(crate) fn take_hold(&self) {
        let splitter = self.splitter.map(|route| route.canary(&self.cluster));
        let follower = self.follower.map_or(Weight::FULL, |route| route.canary(&self.cluster));
        let lines = self.exchange.as_ref().and_then(Exchange::lines);
        self.scene.change(|world| {
            if let Some(weight) = splitter {
                world.set_splitter(weight);
            }
            world.set_follower(follower);
            if let Some(lines) = lines {
                world.set_lines(lines);
            }
        });
    }

    /// Takes hold now, and again with every change.
    pub(super) fn follow(&self, clock: &VirtualClock, tasks: &mut Tasks) {
        let mut changes = self.cluster.changes();
        self.take_hold();
        let plane = self.clone();
        tasks.0.push(task::spawn(&clock.shared(), async move {
            while let Some(()) = changes.next().await {
                plane.take_hold();
            }
        }));
        if let Some(exchange) = &self.exchange {
            let mut changes = exchange.telnyx().changes();
            let plane = self.clone();
            tasks.0.push(task::spawn(&clock.shared(), async move {
                while let Some(()) = changes.next().await {
                    plane.take_hold();
                }
            }));
        }
    }
}
