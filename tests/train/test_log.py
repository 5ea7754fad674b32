from __future__ import annotations

from hadamrnn_ext.train.log import Log, records


def test_records_come_back_and_a_cut_last_line_is_left_out(tmp_path):
    path = tmp_path / "new" / "log.jsonl"
    log = Log(path)
    log.append({"epoch": 1, "loss": 0.1})
    log.append({"epoch": 2, "loss": 1 / 3})
    log.close()
    assert [record["loss"] for record in records(path)] == [0.1, 1 / 3]
    path.write_bytes(path.read_bytes()[:-1])
    assert [record["epoch"] for record in records(path)] == [1]


def test_taking_up_a_log_drops_what_was_written_after_the_checkpoint(tmp_path):
    path = tmp_path / "log.jsonl"
    log = Log(path)
    log.append({"epoch": 1})
    size = log.size
    log.append({"epoch": 2, "lost": True})
    log.close()
    log = Log(path, keep=size)
    log.append({"epoch": 2})
    log.close()
    assert list(records(path)) == [{"epoch": 1}, {"epoch": 2}]
    assert log.path.stat().st_size > size


def test_a_log_that_was_shortened_by_others_is_not_filled_with_zeros(tmp_path):
    path = tmp_path / "log.jsonl"
    log = Log(path, keep=1000)
    log.append({"epoch": 7})
    log.close()
    assert list(records(path)) == [{"epoch": 7}]
