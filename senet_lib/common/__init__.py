"""What all packages share: checks of arguments, errors quoted in one line, atomic files, the machine, any network."""
