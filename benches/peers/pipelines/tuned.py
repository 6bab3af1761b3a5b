#!/usr/bin/env python3
"""The same worker after somebody looked at where its time goes: a process a core, gets ahead of the decode, JPEG decoded
at the scale that a code needs, results in batches, messages deleted by tens.

tuned.py [PROCESSES]. Ends when the queue is empty.
"""
import gzip
import io
import json
import multiprocessing
import os
import sys
import traceback
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote_plus

import boto3
import zxingcpp
from botocore.config import Config
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

Image.MAX_IMAGE_PIXELS = None
GETS, BATCH, SIDE = 8, 100, 1000


def codes(image):
    if image.mode != "L":
        image = image.convert("L")
    return zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)


def read(body):
    image = Image.open(io.BytesIO(body))
    exif = image.getexif()
    gps = exif.get_ifd(IFD.GPSInfo)
    found = []
    shrink = max(image.size) // SIDE
    if image.format == "JPEG" and shrink >= 2:
        image.draft("L", (image.width // shrink, image.height // shrink))
        found = codes(image)
        image = Image.open(io.BytesIO(body))
    return {
        "texts": [code.text for code in found or codes(image)],
        "captured_at": exif.get_ifd(IFD.Exif).get(Base.DateTimeOriginal),
        "latitude": [float(part) for part in gps.get(GPS.GPSLatitude, ())],
        "longitude": [float(part) for part in gps.get(GPS.GPSLongitude, ())],
    }


class Worker:
    def __init__(self):
        session = boto3.session.Session()
        # The length is checked, and TLS checks the bytes.
        config = Config(
            s3={"addressing_style": "path"}, max_pool_connections=2 * GETS, response_checksum_validation="when_required"
        )
        self.s3 = session.client("s3", endpoint_url=os.environ["ENDPOINT"], config=config)
        self.sqs = session.client("sqs", endpoint_url=os.environ["ENDPOINT"], config=config)
        self.queue = os.environ["QUEUE_URL"]
        self.rows, self.receipts = [], []

    def get(self, message):
        s3 = json.loads(message["Body"])["Records"][0]["s3"]
        key = unquote_plus(s3["object"]["key"])
        return message, key, self.s3.get_object(Bucket=s3["bucket"]["name"], Key=key)["Body"].read()

    def receive(self):
        received = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        return received.get("Messages", [])

    def work(self):
        with ThreadPoolExecutor(GETS) as pool, ThreadPoolExecutor(1) as receiver:
            ahead = receiver.submit(self.receive)
            gets = []
            while messages := ahead.result():
                ahead = receiver.submit(self.receive)
                gets += [pool.submit(self.get, message) for message in messages]
                while len(gets) > 2 * GETS:
                    self.decode(*gets.pop(0).result())
            for get in gets:
                self.decode(*get.result())
        self.flush()

    def decode(self, message, key, body):
        try:
            row = read(body)
        except Exception as error:
            row = {"texts": [], "error": str(error)}
        row["key"] = key
        self.rows.append(json.dumps(row))
        self.receipts.append(message["ReceiptHandle"])
        if len(self.rows) >= BATCH:
            self.flush()

    def flush(self):
        if not self.rows:
            return
        body = gzip.compress("\n".join(self.rows).encode(), 1)
        self.s3.put_object(Bucket=os.environ["RESULTS"], Key=f"{uuid.uuid4()}.jsonl.gz", Body=body)
        for first in range(0, len(self.receipts), 10):
            entries = [
                {"Id": str(number), "ReceiptHandle": receipt}
                for number, receipt in enumerate(self.receipts[first : first + 10])
            ]
            self.sqs.delete_message_batch(QueueUrl=self.queue, Entries=entries)
        self.rows, self.receipts = [], []


def guarded():
    try:
        Worker().work()
    except Exception:
        traceback.print_exc()
        sys.exit(1)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else os.cpu_count()
    workers = [multiprocessing.Process(target=guarded) for _ in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sys.exit(any(worker.exitcode for worker in workers))


if __name__ == "__main__":
    main()
