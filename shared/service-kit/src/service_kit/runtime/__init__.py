"""What every process stands on: time, settings, logs, telemetry, health."""
