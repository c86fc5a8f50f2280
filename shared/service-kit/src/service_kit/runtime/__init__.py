"""What every process needs: time, settings, logs, telemetry, health."""
