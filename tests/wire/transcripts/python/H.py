def version():
    return 7
