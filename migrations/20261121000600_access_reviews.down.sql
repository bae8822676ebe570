DROP TABLE access_review_reports;
DROP FUNCTION access_review_reports_stay();
DROP TABLE access_review_lines;
DROP TABLE access_reviews;
