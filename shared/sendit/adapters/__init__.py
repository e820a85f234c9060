"""The ports' adapters. Named in `sendit.wiring` and nowhere else."""
