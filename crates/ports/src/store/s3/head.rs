//! The head of the answer to a read.

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::{ByteStream, DateTime, DateTimeFormat};
use aws_smithy_checksums::ChecksumAlgorithm;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use jiff::Timestamp;

use super::body::{Checksum, ExpectedBody};
use super::{plain_etag, timestamp};

/// Checksums of a store, those that cost least first. One with a dash is of the parts.
const CHECKSUMS: [(&str, ChecksumAlgorithm); 5] = [
    ("x-amz-checksum-crc64nvme", ChecksumAlgorithm::Crc64Nvme),
    ("x-amz-checksum-crc32", ChecksumAlgorithm::Crc32),
    ("x-amz-checksum-crc32c", ChecksumAlgorithm::Crc32c),
    ("x-amz-checksum-sha256", ChecksumAlgorithm::Sha256),
    ("x-amz-checksum-sha1", ChecksumAlgorithm::Sha1),
];

/// What an answer says of an object, and its body.
pub(super) struct Head {
    pub etag: String,
    pub modified_at: Option<Timestamp>,
    pub expected: ExpectedBody,
    pub body: ByteStream,
}

impl Head {
    /// By the SDK's reading of it.
    pub(super) fn of_output(output: GetObjectOutput, is_encrypted: bool) -> Head {
        let checksums = [
            output.checksum_crc64_nvme(),
            output.checksum_crc32(),
            output.checksum_crc32_c(),
            output.checksum_sha256(),
            output.checksum_sha1(),
        ];
        // One of the whole object is verified by the SDK while the body is read.
        let is_verified = checksums.into_iter().flatten().any(|checksum| !checksum.contains('-'));
        let is_plain = is_plain(output.server_side_encryption().map(|kind| kind.as_str()))
            && output.sse_customer_algorithm().is_none();
        let etag = plain_etag(output.e_tag());
        let expected = ExpectedBody {
            length: output.content_length().and_then(|length| u64::try_from(length).ok()),
            md5: (!is_verified && !is_encrypted && is_plain).then(|| md5_of(&etag)).flatten(),
            checksum: None,
        };
        Head { etag, modified_at: output.last_modified().and_then(timestamp), expected, body: output.body }
    }

    /// By its headers. `is_asked`: a checksum among them is of these bytes.
    pub(super) fn of_answer(answer: HttpResponse, is_encrypted: bool, is_asked: bool) -> Head {
        let headers = answer.headers();
        let checksum = CHECKSUMS.into_iter().filter(|_| is_asked).find_map(|(name, algorithm)| {
            let value = headers.get(name).filter(|value| !value.contains('-'))?;
            Some(Checksum { algorithm, value: value.to_owned() })
        });
        let is_plain = is_plain(headers.get("x-amz-server-side-encryption"))
            && headers.get("x-amz-server-side-encryption-customer-algorithm").is_none();
        let etag = plain_etag(headers.get("etag"));
        let modified_at = headers.get("last-modified");
        let modified_at = modified_at.and_then(|text| DateTime::from_str(text, DateTimeFormat::HttpDate).ok());
        let expected = ExpectedBody {
            length: headers.get("content-length").and_then(|length| length.parse().ok()),
            md5: (checksum.is_none() && !is_encrypted && is_plain).then(|| md5_of(&etag)).flatten(),
            checksum,
        };
        let modified_at = modified_at.as_ref().and_then(timestamp);
        Head { etag, modified_at, expected, body: ByteStream::new(answer.into_body()) }
    }
}

/// Whether an eTag can be an MD5: encryption with a key of one's own makes it another.
fn is_plain(encryption: Option<&str>) -> bool {
    encryption.is_none_or(|kind| kind == "AES256")
}

fn md5_of(etag: &str) -> Option<String> {
    (etag.len() == 32 && etag.bytes().all(|digit| digit.is_ascii_hexdigit())).then(|| etag.to_owned())
}
