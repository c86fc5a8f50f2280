"""Logs of the local system do not grow for ever."""

from backorder_local.log_files import rotate_log


def test_a_large_log_is_put_aside_while_its_program_goes_on_writing(tmp_path):
    log = tmp_path / "order.log"
    with log.open("ab", buffering=0) as program:
        for number in range(6):
            program.write(b"%d" % number * 10)
            assert rotate_log(log, largest=10, kept=3)
        program.write(b"now")
    assert log.read_bytes() == b"now"
    aside = {file.name: file.read_bytes()[:1] for file in tmp_path.glob("order.log.*")}
    assert aside == {"order.log.1": b"5", "order.log.2": b"4", "order.log.3": b"3"}


def test_a_small_log_and_one_that_is_not_there_are_left_alone(tmp_path):
    log = tmp_path / "order.log"
    assert not rotate_log(log)
    log.write_bytes(b"little")
    log.chmod(0o600)
    assert not rotate_log(log)
    assert rotate_log(log, largest=1)
    assert (tmp_path / "order.log.1").stat().st_mode & 0o777 == 0o600
