"""`backorder doctor`: can this machine run the system, and if not, what helps?"""

import typer

from backorder_local.commands.options import DataDir, data_directory


def register(app: typer.Typer) -> None:
    """Add `doctor`."""
    app.command()(doctor)


def doctor(data_dir: DataDir = None) -> None:
    """Check what `up` needs and name the remedy for what is missing. Exits with 1 if it could not start."""
    from backorder_local.examination import examine  # noqa: PLC0415

    findings = examine(data_directory(data_dir))
    for finding in findings:
        mark = "✗" if finding.fatal else "!" if finding.remedy else "✓"
        print(f"{mark} {finding.what:12} {finding.found}")
        if finding.remedy:
            print(f"  {'':12} → {finding.remedy}")
    raise SystemExit(1 if any(finding.fatal for finding in findings) else 0)
