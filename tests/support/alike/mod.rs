//! Scripts that the simulated Kafka and the real one have to answer alike. Each is played on both, and says itself what
//! the answers are: so a simulation that is wrong about Kafka fails beside one that is wrong about us.
//!
//! What a script tells follows from the protocol alone, never from how long something takes.

pub mod members;
pub mod play;
pub mod reading;
pub mod restoring;
pub mod stage;
pub mod takeover;
pub mod transactions;

/// A test of every script: `$play` gets its name and the script.
macro_rules! tests_of_all_scripts {
    ($play:path) => {
        tests_of_all_scripts! { $play:
            transactions::a_commit_shows_everything_at_once,
            transactions::an_abort_shows_nothing_and_reading_begins_anew,
            transactions::a_fenced_producer_can_commit_nothing,
            transactions::a_fenced_producer_with_records_at_hand_can_commit_nothing,
            transactions::a_transaction_left_open_hides_what_comes_after_it,
            transactions::a_transaction_left_open_for_too_long_is_aborted,
            transactions::a_renewed_producer_begins_with_nothing_open,
            transactions::notes_tell_whose_commit_took_place,
            members::who_was_left_behind_can_commit_nothing,
            members::who_has_not_let_go_may_still_commit,
            members::who_takes_an_instance_id_shuts_the_other_out,
            members::a_third_that_joins_and_leaves_moves_partitions,
            members::who_comes_back_under_its_name_finds_its_partitions,
            reading::nothing_is_left_at_an_end_behind_control_records,
            reading::records_of_an_open_transaction_hold_back_what_comes_after_them,
            reading::what_has_expired_is_told_and_not_jumped_over,
            reading::what_is_held_back_comes_after_all,
            reading::what_was_held_back_flows_when_it_is_given_again,
            restoring::a_restore_goes_to_the_end_that_is_written,
            restoring::a_restore_ends_what_its_predecessor_left_open,
            restoring::a_restore_from_what_is_known_brings_only_the_rest,
            restoring::compaction_leaves_the_last_value_of_every_key,
            takeover::who_takes_over_ends_what_a_dead_member_left_open,
            takeover::who_lives_keeps_its_transaction,
        }
    };
    ($play:path: $($file:ident::$script:ident,)*) => {
        $(#[test]
        fn $script() {
            $play(stringify!($script), $file::$script);
        })*
    };
}

pub(crate) use tests_of_all_scripts;
