"""The one portable artefact: write it, open it in two phases, verify every byte before anything is constructed."""
