"""What several suites share: timing in turns, the ledger, the machine, the models, packs, processes and reports."""
