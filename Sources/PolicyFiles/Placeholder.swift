// PolicyFiles
