import os

def mount(mountpoint): os.makedirs(os.path.join(mountpoint, 'MyDrive'), exist_ok=True)
