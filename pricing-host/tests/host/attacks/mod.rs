//! The attack suite: every way to fail ends in its documented code, in time, and the host prices on as before.

mod compiling;
mod logs;
mod siblings;
mod smuggling;
mod surroundings;

use crate::arena::Arena;
use testkit::guests::{
    answers, commands, entry_points, interfaces, logs as log_guests, memory, outputs, reallocs, resources,
};

#[test]
fn endless_loops_end_in_every_entry_point() {
    Arena::new().fight(&entry_points::loops());
}

#[test]
fn recursion_ends_in_every_entry_point() {
    Arena::new().fight(&entry_points::recursions());
}

#[test]
fn crashes_are_traps_in_every_entry_point() {
    Arena::new().fight(&entry_points::crashes());
}

#[test]
fn memory_and_tables_are_bounded() {
    Arena::new().fight(&memory::attacks());
}

#[test]
fn answers_that_lie_about_themselves_are_refused() {
    Arena::new().fight(&outputs::attacks());
}

#[test]
fn prices_that_are_none_are_refused() {
    Arena::new().fight(&answers::prices());
}

#[test]
fn changes_that_come_to_no_price_are_refused() {
    Arena::new().fight(&answers::changes());
}

#[test]
fn logs_are_bounded() {
    Arena::new().fight(&log_guests::attacks());
}

#[test]
fn allocators_that_lie_harm_themselves_alone() {
    Arena::new().fight(&reallocs::attacks());
}

#[test]
fn files_that_are_no_plugin_are_refused() {
    Arena::new().fight(&interfaces::attacks());
}

#[test]
fn commands_are_held_as_components_are() {
    Arena::new().fight(&commands::attacks());
}

#[test]
fn resources_are_bounded() {
    Arena::new().fight(&resources::attacks());
}
