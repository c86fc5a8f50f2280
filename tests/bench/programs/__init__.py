"""Programs that benches run as processes of their own."""
