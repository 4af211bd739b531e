"""Everything that runs on this machine: how it is started, recorded and stopped."""
